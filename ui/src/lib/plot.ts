// The chart library with its own style, in a piece of its own.
import 'uplot/dist/uPlot.min.css';
export { default } from 'uplot';
